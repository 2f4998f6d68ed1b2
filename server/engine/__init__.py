"""The engine: schedule, run, post-process. All running sequences advance together in one forward a step."""
