"""The facts of every method, one file a family. Imports neither torch nor transformers.

``methods.index`` puts them together and is where the register is read.
"""
