"""nbflow for JupyterLab and Notebook: what their pages ask for, served by the Jupyter server that they come from.

``places`` says which notebook is meant, ``here`` to which project it belongs; ``pipelines``, ``runs`` and
``edits`` answer questions as values, ``streams`` tells what happens as it happens; ``bodies``, ``handlers`` and
``routes`` are the part that speaks HTTP. ``openapi.yaml`` describes it all. Only looks and runs that a person asks for:
loading this starts nothing. Read ``routes`` next.
"""
