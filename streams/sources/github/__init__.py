"""GitHub's events, assembled into threads that outlast a run"""
