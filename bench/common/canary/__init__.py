"""Canaries of the bench `canary`: made-up secrets, the documents that hold them, the prompts, and two ways to a model"""
