"""Recognising hand-written digits: ink, data, models, training, evaluation, prediction."""

import os

# One BLAS thread in every process that comes here first. With two, one image on a busy two-core machine took
# 190 ms instead of 3 (spinning barriers); arrays this small gain nothing from a second one.
for _name in ("OPENBLAS_NUM_THREADS", "OMP_NUM_THREADS", "MKL_NUM_THREADS"):
    os.environ.setdefault(_name, "1")
