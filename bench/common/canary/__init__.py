"""Canaries of the bench `canary`: made-up secrets, documents that hold them, prompts, two ways to a model"""
