"""What was measured, as records, and the store that keeps them."""
