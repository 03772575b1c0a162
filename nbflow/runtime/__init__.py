"""What runs beside the user's code, in any Python kernel from 3.9 on.

The executor loads this package in the step's own kernel, as ``nbflow.runtime`` or, where nbflow is not
installed, from its source files under another name. It may therefore import nothing but the standard
library when it is loaded, and nothing else of nbflow ever. Read ``step.py`` next: it is what a slice calls.
"""
