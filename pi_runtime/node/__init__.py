"""The edge node: sound from a source, speech by a gate, codes by the encoder, streams through a spool to a sink."""
