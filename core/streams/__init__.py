"""Kinesis streams: tap, decode, produce, shards, collector and the pipeline to the warehouse."""
