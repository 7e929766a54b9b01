"""Every chart, on one sheet."""
