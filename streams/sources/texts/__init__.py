"""What is text: encodings, notebooks"""
