"""Front ends: they parse what a person asks, call ``nbflow.ops`` and draw the answer. They decide nothing."""
