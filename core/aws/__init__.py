"""Reaching AWS, or anything that speaks its protocols, through an opened profile."""
