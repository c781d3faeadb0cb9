"""The names of a trial's marks and flags, and what each one means."""

MARKS = {
    "import_s": "importing the framework and Keras, seconds",
    "data_s": "reading the prepared data, seconds",
    "build_s": "building the model, seconds",
    "first_step_s": "the first training step, tracing and compiling included, seconds",
    "first_forward_s": "the first forward pass, the same way, seconds",
    "first_prefill_s": "the first reading of prompts in phase generate, the same way, seconds",
    "first_decode_s": "the first decoding step, the same way, seconds",
    "blocked_step_s": "median of single steps with a barrier each, seconds",
    "dispatch_s": "median time until such a step came back, before the barrier, seconds",
    "call_s": "fixed cost of one more call of fit or predict, seconds",
    "epoch_s": "fixed cost of one more epoch within a call of fit, seconds",
    "evaluate_s": "evaluation on the test data, seconds",
    "cpu_s": "processor time of the worker while it measured, seconds",
    "wall_s": "wall time of the same, seconds",
    "windows_cpu_s": "processor time of the worker during the windows alone, seconds",
    "windows_wall_s": "wall time of the same, seconds",
    "foreign_load": "share of the usable cores that other programs took while it was measured",
    "attempts": "how often the windows were measured until the cores were free enough",
    "parameters": "weights of the model",
    "unmoved_share": "share of the trainable weights that training did not change",
    "compilations": "times something was compiled or traced within the windows",
    "final_loss": "loss of the last training step",
    "forward_flops": "floating-point operations of one forward pass, counted per layer",
    "training_flops": "floating-point operations of one training step, counted per layer",
    "prefill_flops": "floating-point operations of reading the prompts once, counted per layer",
    "decode_flops": "floating-point operations of one decoding step, counted per layer",
    "framework_flops": "the same by the framework's own counter",
    "framework_memory_bytes": "memory of one step by the framework's own account",
    "rss_start_bytes": "resident memory when the worker started",
    "rss_imported_bytes": "resident memory after the imports: the import floor",
    "rss_data_bytes": "resident memory with the data read",
    "rss_built_bytes": "resident memory with the model built",
    "rss_ready_bytes": "resident memory just before the first step, batches on the device",
    "peak_first_step_bytes": "highest resident memory in the first step: the compiler's too",
    "peak_steady_bytes": "highest resident memory over the steady steps",
    "device_peak_bytes": "peak of the framework's device allocator",
    "driver_bytes": "device memory of this process as the driver sees it",
    "energy_device_j": "energy of the device over the windows, joules",
    "energy_package_j": "energy of the processor packages over the windows, other programs' share included, joules",
    "energy_items": "items processed meanwhile",
    "scenario_rate": "queries per second: reached, or scheduled in scenario server",
    "scenario_samples": "samples per second reached",
    "scenario_bound_s": "latency bound of scenario server, seconds",
}
"""Single figures of a trial. A name ends in its unit."""

ENERGY_SOURCES = {"energy_device_j": "device", "energy_package_j": "processor packages"}
"""Marks that hold energy, and what each one covers."""

FLAGS = {
    "disturbed": "other programs took more than the allowed share of the cores, also when measured again",
    "threads": "the worker used more cores than it was given",
    "recompiled": "something was compiled within the measured windows",
    "unmoved": "training left most of the trainable weights as they were",
    "synchronous": "a dispatch waited for its step, on a framework that dispatches ahead",
    "imprecise": "the budget ended before the interval was narrow enough",
    "leaking": "memory grew from step to step",
}
"""What makes a trial doubtful. A trial with one of these is shown and marked, and nothing is called fastest by it."""
