"""dlbench: one workload, defined once in Keras 3, measured on JAX, PyTorch and TensorFlow."""

__version__ = "0.1.0"
