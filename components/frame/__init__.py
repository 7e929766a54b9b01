"""What a stage stands on: parameters, paths, files, events, errors."""
