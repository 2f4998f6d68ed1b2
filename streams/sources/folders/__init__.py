"""Plain folders and archives"""
