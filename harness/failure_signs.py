"""Words in an exception or in a log that tell what kind of failure it was."""

OUT_OF_MEMORY = (
    "RESOURCE_EXHAUSTED",
    "out of memory",
    "Out of memory",
    "OutOfMemory",
    "ResourceExhausted",
    "Unable to allocate",
    "can't allocate memory",
    "bad_alloc",
    "MemoryError",
)
"""An allocation failed, on the host or on the device."""

NO_COMPILER = ("InvalidCxxCompiler", "CppCompileError", "No working C++ compiler", "Cannot find a working triton")
"""torch.compile found no compiler to work with."""
