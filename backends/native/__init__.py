"""Twins of workloads, written directly in a framework and without Keras layers."""
