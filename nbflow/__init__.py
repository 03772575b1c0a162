"""nbflow turns an ordinary Jupyter notebook into a pipeline.

Tag cells with ``%%step NAME -i … -o …``; ``nbflow run`` executes the notebook as a DAG: every step in a clean kernel of
its own, in parallel where the data allow, skipping what is already made. Importing this package loads nothing heavy.
"""

__version__ = "0.1.0"

__all__ = ["__version__"]
