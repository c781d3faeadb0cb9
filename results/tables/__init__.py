"""What people and programs read: tables, frames, exports, words."""
