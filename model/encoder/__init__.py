"""A small encoder of BERT's form: pre-trained on pairs of texts with masks, then taught to label tokens"""
