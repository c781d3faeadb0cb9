"""What is run: problems defined once in Keras 3, with their data and metrics."""
