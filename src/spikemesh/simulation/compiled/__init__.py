"""The compiled twin of the mesh: the same record as the SimPy engine, fast enough for whole networks."""
