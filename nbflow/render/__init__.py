"""Drawing what the core says: text for terminals, graph languages, pages.

Nothing here decides anything, and nothing but nbflow's own ``static`` is read."""
