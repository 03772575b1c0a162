"""Which calls set a session up: the one table of configuring verbs.

A call such as ``pd.set_option(…)``, ``np.random.seed(0)`` or ``sys.path.insert(0, "src")`` changes how later code
runs though that code never names it, so the cell that holds it belongs to every slice below it. One verb too many
costs time, one too few is wrong. Whether the root of the call is an import is for ``slicing`` to find out.

| shape of the last word                 | examples                                                         |
|----------------------------------------|------------------------------------------------------------------|
| listed in ``VERBS``                    | ``seed``, ``use``, ``chdir``, ``load_dotenv``, ``filterwarnings``  |
| begins as in ``PREFIXES``              | ``set_option``, ``setLevel``, ``register_cmap``, ``enable_…``        |
| contains one of ``PARTS``              | ``basicConfig``, ``dictConfig``, ``reset_option``, ``reconfigure``   |
| a change of a container in ``REGISTRIES`` | ``sys.path.insert``, ``rcParams.update``, ``os.environ.setdefault`` |

Drawing (``rand``), deleting (``rmtree``), fetching (``urlretrieve``) and making (``makedirs``) are not set-up.
"""

from __future__ import annotations

from nbflow.core.words import words

IMPORTED = "import"
"""Stands for the root of a call in a function that imports it itself. No name can be a keyword."""

VERBS = words("""
    seed manual_seed manual_seed_all seed_all seed_everything fix_seed
    use use_style switch_backend rc rcdefaults rc_file rc_file_defaults ion ioff xkcd addfont
    chdir fchdir umask tzset putenv unsetenv nice signal alarm
    filterwarnings simplefilter resetwarnings captureWarnings
    load_dotenv basicConfig addHandler removeHandler addFilter addLevelName
    activate deactivate install uninstall apply monkey_patch init initialize initialise initjs init_printing
    init_notebook_mode output_notebook go_offline go_online extension pandas defaults clear_session
    getcontext localcontext interactive
    """)

PREFIXES = (
    "set", "seed_", "use_", "register", "unregister", "enable", "disable", "activate_", "deactivate_", "patch",
    "unpatch", "reset", "init_", "allow_", "suppress_", "add_handler", "install_",
)  # fmt: skip

PARTS = ("config", "option")

REGISTRIES = words("""
    path environ rcParams rcParamsDefault options modules meta_path path_hooks filters handlers warnoptions
    prop_cycle colormaps templates renderers
    """)
"""Containers that hold settings: a mutating call on one of them is set-up."""

MUTATIONS = words("insert append extend update setdefault pop popitem clear remove register enable add discard")

NOT_SETUP = words("""
    set setdefault setdiff1d setxor1d settle setp set_index set_axis setattr setitem
    get_option describe_option option_context config_context get_config show_config describe_config
    reset_index patch_file patches
    """)
"""Words that a pattern above would take by mistake. ``set`` alone is kept for ``sns.set()``: see ``is_setup``."""

ALSO_WHERE_USED = words("""
    seed manual_seed manual_seed_all seed_all seed_everything set_seed set_random_seed fix_seed seterr set_state
    setdefault pop
    """)
"""Verbs that count where the result is used too: ``g = torch.manual_seed(0)``. Of other calls the result is the point:
``table = config.options(path)``."""

LOGGER_VERBS = frozenset({"setLevel", "addHandler", "removeHandler", "addFilter", "removeFilter"})
"""Verbs that count behind a call too: ``logging.getLogger("x").setLevel(…)``. ``plt.gca().set_title(…)`` does not."""


def is_setup(words: list[str], through_call: bool) -> bool:
    """Whether a bare call of these dotted words configures something.

    ``through_call``: another call stands between the root and the last word."""
    word = words[-1]
    if "pip" in words:
        return False
    if len(words) > 1 and words[-2] in REGISTRIES and word in MUTATIONS:
        return True
    if through_call:
        return word in LOGGER_VERBS
    if word == "set":
        return len(words) > 1
    if word in NOT_SETUP:
        return False
    if word in VERBS or word.startswith(PREFIXES):
        return True
    lower = word.lower()
    return any(part in lower for part in PARTS) and not lower.startswith(("get_", "describe_", "show_"))
