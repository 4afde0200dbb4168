"""A text -> its words, signatures, n-grams, language and tokens; a URL -> its domain. Pure functions on str."""
