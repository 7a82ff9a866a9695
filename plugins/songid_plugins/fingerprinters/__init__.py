"""Fingerprinters that come with songid: landmarks, and signs of energy differences."""
