"""The extension itself: what a Jupyter server loads, and tells when it ends."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

from jupyter_server.extension.application import ExtensionApp
from jupyter_server.services.contents.fileio import FileManagerMixin

from nbflow.server.places import Places
from nbflow.server.routes import routes
from nbflow.server.service import Service


class NbflowServer(ExtensionApp):
    """nbflow in a Jupyter server."""

    name = "nbflow"
    load_other_extensions = True

    def initialize_handlers(self) -> None:
        assert self.serverapp is not None
        contents: Any = self.serverapp.contents_manager
        keeps_files: type[Any] = FileManagerMixin
        if not isinstance(contents, keeps_files):
            self.log.warning("nbflow is not served: this server keeps its notebooks elsewhere than in files.")
            return
        places = Places(Path(contents.root_dir), contents.allow_hidden)
        self.service = Service(places, dict(os.environ))
        self.handlers.extend(routes(self.service))

    async def stop_extension(self) -> None:
        if hasattr(self, "service"):
            await self.service.close()
