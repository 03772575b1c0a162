"""Drawing what the core says: text for terminals, graph languages. Nothing here decides or reads anything."""
