"""Signatures for `mediarelay sign` and `mediarelay verify`: how each scheme signs, and the mistakes that clients make.

A scheme has a recipe (every choice that its signature depends on) and a list of mistakes (each changes some choices).
`explain` finds the mistakes that reproduce a foreign signature. All modules here are pure.
"""
