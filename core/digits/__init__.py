"""Recognising hand-written digits: ink, data, models, training, evaluation, prediction."""
