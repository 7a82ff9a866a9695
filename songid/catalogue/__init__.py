"""The catalogue: immutable volumes of postings, their pages, search and merging."""
