r"""The operators and constants of content MathML and how they are written.

Example: ``INFIX["leq"]`` is ``("≤", 10)``: the sign between operands, and the precedence of what it makes.
"""

from __future__ import annotations

RELATION, SUM, PRODUCT, APPLICATION, FRACTION, WHOLE = 10, 20, 30, 40, 50, 100

INFIX: dict[str, tuple[str, int]] = {
    "equivalent": ("≡", 2),
    "implies": ("⇒", 3),
    "or": ("∨", 4),
    "xor": ("⊻", 4),
    "and": ("∧", 5),
    "eq": ("=", RELATION),
    "neq": ("≠", RELATION),
    "lt": ("<", RELATION),
    "gt": (">", RELATION),
    "leq": ("≤", RELATION),
    "geq": ("≥", RELATION),
    "approx": ("≈", RELATION),
    "factorof": ("∣", RELATION),
    "in": ("∈", RELATION),
    "notin": ("∉", RELATION),
    "subset": ("⊆", RELATION),
    "prsubset": ("⊂", RELATION),
    "notsubset": ("⊈", RELATION),
    "notprsubset": ("⊄", RELATION),
    "tendsto": ("→", RELATION),
    "union": ("∪", 14),
    "intersect": ("∩", 15),
    "setdiff": ("∖", 16),
    "cartesianproduct": ("×", 18),
    "plus": ("+", SUM),
    "minus": ("-", SUM),
    "rem": ("mod", 25),
    "times": ("×", PRODUCT),
    "scalarproduct": ("⋅", PRODUCT),
    "vectorproduct": ("×", PRODUCT),
    "outerproduct": ("⊗", PRODUCT),
    "compose": ("∘", 45),
}
# Of these ``a-(b-c)`` needs its brackets.
NOT_ASSOCIATIVE = frozenset({"minus", "setdiff", "rem", "implies"})
PREFIX = {"not": "¬", "grad": "∇", "curl": "∇×", "divergence": "∇⋅", "laplacian": "∇²"}
POWERS = {"transpose": "T", "inverse": "-1"}
FENCES = {"abs": "||", "card": "||", "floor": "⌊⌋", "ceiling": "⌈⌉"}
BARRED = frozenset({"conjugate", "mean"})
BIG = {
    "int": "∫",
    "sum": "∑",
    "product": "∏",
    "union": "⋃",
    "intersect": "⋂",
    "limit": "lim",
    "max": "max",
    "min": "min",
}
BIG |= {"and": "⋀", "or": "⋁", "cartesianproduct": "∏", "forall": "∀", "exists": "∃"}
# A function's name where it is not that of its element.
FUNCTION_NAMES = {"determinant": "det", "real": "ℜ", "imaginary": "ℑ", "sdev": "σ", "forall": "∀", "exists": "∃"}
FUNCTION_NAMES |= {
    "int": "∫",
    "sum": "∑",
    "product": "∏",
    "diff": "D",
    "partialdiff": "∂",
    "limit": "lim",
    "divide": "/",
}
_FUNCTIONS = """
sin cos tan sec csc cot sinh cosh tanh sech csch coth arcsin arccos arctan arccot arccsc arcsec arccosh arccoth arccsch
arcsech arcsinh arctanh exp ln log arg real imaginary gcd lcm max min determinant sdev variance median mode moment
domain codomain image ident power root divide quotient factorial selector int sum product diff partialdiff limit forall
exists
"""
CONSTANTS = {
    "pi": "π",
    "infinity": "∞",
    "exponentiale": "e",
    "imaginaryi": "i",
    "eulergamma": "γ",
    "emptyset": "∅",
    "integers": "ℤ",
    "reals": "ℝ",
    "rationals": "ℚ",
    "naturalnumbers": "ℕ",
    "complexes": "ℂ",
    "primes": "ℙ",
    "true": "true",
    "false": "false",
    "notanumber": "NaN",
}
OPERATORS = frozenset({*INFIX, *PREFIX, *POWERS, *FENCES, *BARRED, *_FUNCTIONS.split()})
# What the content dictionaries of OpenMath call some of them.
SYMBOLS = {
    "unary_minus": "minus",
    "set_union": "union",
    "setintersect": "intersect",
    "defint": "int",
    "nthdiff": "diff",
    "e": "exponentiale",
    "i": "imaginaryi",
    "gamma": "eulergamma",
    "Z": "integers",
    "R": "reals",
    "Q": "rationals",
    "N": "naturalnumbers",
    "C": "complexes",
    "P": "primes",
    "size": "card",
}
