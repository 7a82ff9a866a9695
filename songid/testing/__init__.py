"""What plugin authors, the demo, the tests and the benchmark share.

Conformance kits, composed music, broadcasts whose truth is known, and distortions.
"""
