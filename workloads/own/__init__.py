"""The user's own model: from a Python file, a saved model, a library of models or an installed package."""
