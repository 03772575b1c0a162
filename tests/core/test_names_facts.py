"""Single facts: what a statement changes in place, sets up or reads from outside, and which constants it binds."""

from __future__ import annotations

import json
from textwrap import indent

import pytest

from nbflow.core.model import Code, PathExpr
from nbflow.core.names import analyse, facts_from_json, facts_to_json


def now(source: str) -> Code:
    """What the last statement of a cell does as it runs."""
    return analyse(source).units[-1].now


@pytest.mark.parametrize(
    ("source", "changes"),
    [
        ("xs.append(1)", "xs:call"),
        ("y = xs.append(1)", "xs:maybe"),
        ("y = xs.copy().append(1)", ""),
        ("y = df.head()", ""),
        ("df.describe()", ""),
        ("raw.join(df).head()", ""),
        ("worker.join()", "worker:call"),
        ("x = cfg.get('a')", ""),
        ("x = jobs.get()", "jobs:maybe"),
        ("s = df.sample(5)", ""),
        ("s = rng.sample(xs, 5)", "rng:maybe"),
        ("d.get('k').append(1)", "d:call"),
        ("top = heapq.heappop(xs)", "heapq:maybe xs:call"),
        ("ids = [tok.encode(s) for s in texts]", "tok:maybe"),
        ("xs.append(1) or xs.pop()", "xs:call"),
        ("y = df.pop('a')", "df:call"),
        ("history = model.fit(X)", "model:call"),
        ("await m.a[0].b()", "m:call"),
        ("d.setdefault(k, []).append(1)", "d:call"),
        ("f(x).append(1)", ""),
        ("x and xs.append(1)", "xs:call"),
        ("[xs.append(y) for y in z]", "xs:call"),
        ("[ax.set_title('a') for ax in axes]", "axes:call"),
        ("for d in rows:\n    d['a'] = 1", "d:assign rows:call"),
        ("for i, d in enumerate(rows):\n    d.pop('a')", "d:call rows:call"),
        ("for d in copy(rows):\n    d['a'] = 1", "d:assign"),
        ("df.drop('a', inplace=True)", "df:assign"),
        ("y = df.a.fillna(0, inplace=True)", "df:assign"),
        ("df.drop('a', inplace=False)", ""),
        ("y = np.add(a, b, out=c)", "c:assign np:maybe"),
        ("random.shuffle(xs)", "random:call xs:call"),
        ("heappush(h, 1)", "h:call"),
        ("next(it)", "it:call"),
        ("setattr(o, 'a', 1)", "o:call"),
        ("np.fill_diagonal(m.a, 0)", "m:call np:call"),
        ("g = lambda: xs.append(1)", ""),
    ],
    ids=repr,
)
def test_changes_in_place_are_seen(source: str, changes: str) -> None:
    assert " ".join(sorted(f"{c.name}:{c.how}" for c in now(source).changes)) == changes


D, E = ("name", "D"), ("name", "E")
UNKNOWN = (("unknown",), ("attribute",))


@pytest.mark.parametrize(
    ("source", "constant"),
    [
        ("D = 'data'", ("str", "data")),
        ("D = Path('data')", ("str", "data")),
        ("D = pathlib.Path()", ("str", ".")),
        ("P = D / 'x.csv'", ("join", D, ("str", "x.csv"))),
        ("P = D / E / 'x.csv'", ("join", ("join", D, E), ("str", "x.csv"))),
        ("P = Path(D, 'x')", ("join", D, ("str", "x"))),
        ("P = os.path.join(D, 'x')", ("join", D, ("str", "x"))),
        ("P = D.joinpath('x')", ("join", D, ("str", "x"))),
        ("P = f'{D}/x'", ("add", D, ("str", "/x"))),
        ("P = D + '.csv'", ("add", D, ("str", ".csv"))),
        ("P = str(Path('a').resolve())", ("str", "a")),
        ("P: str = 'a'", ("str", "a")),
        ("P = f'{D:>3}'", None),
        ("P = D.parent / 'x'", ("join", ("with", "parent", D, ("str", "")), ("str", "x"))),
        ("P = D.with_suffix('.csv')", ("with", "with_suffix", D, ("str", ".csv"))),
        ("P = f'{D:03d}.csv'", ("add", ("format", "03d", D), ("str", ".csv"))),
        ("P = 'data/%s.csv' % D", ("add", ("add", ("str", "data/"), D), ("str", ".csv"))),
        ("P = 'data/{}.csv'.format(D)", ("add", ("add", ("str", "data/"), D), ("str", ".csv"))),
        (
            "P = '{0}/{n}'.format(D, n='x')",
            ("add", ("add", ("add", ("add", ("str", ""), D), ("str", "/")), ("str", "x")), ("str", "")),
        ),
        ("P = 'a' if D else 'b'", ("any", ("str", "a"), ("str", "b"))),
        ("P = D or 'b'", ("any", D, ("str", "b"))),
        ("P = [D / 'a', f(D)]", ("any", ("join", D, ("str", "a")), ("unknown",))),
        ("P = [D / x for x in ('a', 'b')]", ("join", D, ("any", ("str", "a"), ("str", "b")))),
        ("P = {'a': D}", ("any", ("str", "a"), D)),
        ("P = D['a']", D),
        ("P = D.glob('*.csv')", ("join", D, ("str", "*.csv"))),
        ("P = sorted(D.rglob('*.csv'))", ("join", ("join", D, ("str", "**")), ("str", "*.csv"))),
        ("P = glob.glob('data/*')", ("str", "data/*")),
        ("P = list(D.iterdir())", ("join", D, ("str", "*"))),
        ("P = Path.cwd() / 'a'", ("join", ("str", "."), ("str", "a"))),
        ("P = (Q := D)", D),
        ("P = Path(input())", ("unknown",)),
        ("P = open('a')", ("none",)),
        ("P = r.text", ("none",)),
        ("if D:\n    P = 'a'", ("or", ("str", "a"))),
        ("P = f(D) / 'x'", None),
        ("P = ','.join(D)", None),
        ("P = 3", None),
        ("P = ['a', 'b']", None),
        ("P = f'{D:.2f}'", None),
        ("P = '{:>9}'.format(D)", None),
    ],
    ids=repr,
)
def test_constant_paths_are_known_without_running(source: str, constant: PathExpr | None) -> None:
    facts = analyse(source)
    assert [path for _, path in facts.units[0].constant] == ([] if constant is None else [constant])
    assert facts_from_json(facts_to_json(facts)) == facts


@pytest.mark.parametrize(
    ("source", "paths"),
    [
        ("f('a.csv', b'b', 'c\\nd', '', ' ')", [("str", "a.csv")]),
        ("pd.read_csv(D / 'a')", [("join", D, ("str", "a")), ("str", "a")]),
        ("pd.read_csv(D)", [D]),
        ("x = a / b", []),
        ("f(f'{D}/a.csv')", [("add", D, ("str", "/a.csv"))]),
        ("f(f'accuracy {D}')", []),
        ("f('" + "a" * 300 + "')", []),
    ],
    ids=lambda value: repr(value)[:40],
)
def test_text_that_may_name_a_file_is_kept(source: str, paths: list[PathExpr]) -> None:
    assert list(now(source).paths) == paths


@pytest.mark.parametrize(
    ("source", "value"),
    [
        ("x = 1", 1),
        ("x = -1.5", -1.5),
        ("x = 'é'", "é"),
        ("x = None", None),
        ("x = [1, {'a': [True]}]", [1, {"a": [True]}]),
        ("x: int = 3", 3),
    ],
)
def test_the_value_of_a_literal_is_known(source: str, value: object) -> None:
    assert json.loads(analyse(source).units[0].value) == value


@pytest.mark.parametrize(
    "source",
    ["x = (1, 2)", "x = {1}", "x = {1: 2}", "x = b''", "x = 1e999", "x = 1j", "x = y", "x, y = 1, 2", "x = [y]"],
)
def test_what_json_cannot_hold_has_no_value(source: str) -> None:
    assert analyse(source).units[0].value == ""


@pytest.mark.parametrize(
    ("source", "names"),
    [
        ("os.environ['A']", ("A",)),
        ("environ.get('A', 'B')", ("A",)),
        ("os.getenv('A')", ("A",)),
        ("'A' in os.environ", ("A",)),
        ("os.environ['A'] = 'x'", ()),
        ("os.environ[a]", ()),
        ("config['A']", ()),
    ],
)
def test_environment_variables_are_read_by_literal_name(source: str, names: tuple[str, ...]) -> None:
    assert now(source).environ == names


@pytest.mark.parametrize(
    ("source", "modules"),
    [
        ("import a.b as c, d", ("a.b", "d")),
        ("from a import b, c", ("a", "a.b", "a.c")),
        ("from . import a", (".", ".a")),
        ("from ..a import b", ("..a", "..a.b")),
        ("from a import *", ("a",)),
        ("x = importlib.import_module('a.b')", ("a.b",)),
        ("x = __import__('a')", ("a",)),
    ],
)
def test_modules_are_named_whatever_imports_them(source: str, modules: tuple[str, ...]) -> None:
    assert now(source).modules == modules
    inside = "def f():\n" + indent(source, "    ")
    assert "*" in source or analyse(inside).units[0].later.modules == modules


@pytest.mark.parametrize(
    "source", ["inspect.getsource(f)", "f.__doc__", "import inspect", "from inspect import getdoc"]
)
def test_code_that_looks_at_docstrings_is_known(source: str) -> None:
    assert now(source).looks_inside


def test_a_decorated_definition_begins_at_its_first_decorator() -> None:
    assert [unit.line for unit in analyse("x = 1\n\n@a\n@b\ndef f():\n    pass").units] == [1, 3]


@pytest.mark.parametrize(
    ("source", "bare", "calls"),
    [
        ("seed_all(42)", ("seed_all",), ("seed_all",)),
        ("x = f(g(1))", (), ("f", "g")),
        ("m.g(f(1))", (), ("f",)),
        ("@f\n@g(1)\n@m.h\ndef k(): pass", (), ("f", "g")),
    ],
)
def test_calls_by_name_are_known(source: str, bare: tuple[str, ...], calls: tuple[str, ...]) -> None:
    assert (now(source).bare_calls, now(source).calls) == (bare, calls)


def test_a_long_sum_is_no_deep_one() -> None:
    assert analyse("x = " + " + ".join(["'a'"] * 900)).problem is None


def test_a_path_made_of_very_many_parts_is_none() -> None:
    assert analyse("x = " + " / ".join(["D"] * 100)).units[0].constant == ()


@pytest.mark.parametrize(
    ("source", "root"),
    [
        ("random.seed(0)", "random"),
        ("seed(0)", "seed"),
        ("np.random.seed(0)", "np"),
        ("torch.manual_seed(0)", "torch"),
        ("_ = torch.manual_seed(0)", "torch"),
        ("pd.set_option('a', 1)", "pd"),
        ("pd.options.display.max_rows = 5", "pd"),
        ("pd.reset_option('all')", "pd"),
        ("pd.DataFrame.top = top", "pd"),
        ("setattr(pd.DataFrame, 'top', top)", "pd"),
        ("plt.rcParams['a'] = 1", "plt"),
        ("plt.rcParams.update({})", "plt"),
        ("plt.rc('font', size=1)", "plt"),
        ("plt.style.use('a')", "plt"),
        ("plt.ion()", "plt"),
        ("sns.set()", "sns"),
        ("sns.set_theme()", "sns"),
        ("matplotlib.use('Agg')", "matplotlib"),
        ("warnings.filterwarnings('ignore')", "warnings"),
        ("simplefilter('ignore')", "simplefilter"),
        ("logging.basicConfig()", "logging"),
        ("logging.config.dictConfig(c)", "logging"),
        ("logging.getLogger('a').setLevel(1)", "logging"),
        ("logging.getLogger('a').propagate = False", "logging"),
        ("getLogger().addHandler(h)", "getLogger"),
        ("getcontext().prec = 6", "getcontext"),
        ("os.environ['TZ'] = 'UTC'", "os"),
        ("del os.environ['TZ']", "os"),
        ("os.environ.setdefault('A', 'b')", "os"),
        ("os.chdir('a')", "os"),
        ("time.tzset()", "time"),
        ("locale.setlocale(locale.LC_ALL, 'C')", "locale"),
        ("sys.path.insert(0, 'a')", "sys"),
        ("sys.path += ['a']", "sys"),
        ("sys.setrecursionlimit(5)", "sys"),
        ("load_dotenv()", "load_dotenv"),
        ("tqdm.pandas()", "tqdm"),
        ("nest_asyncio.apply()", "nest_asyncio"),
        ("monkey.patch_all()", "monkey"),
        ("rich.traceback.install()", "rich"),
        ("gc.disable()", "gc"),
        ("pn.extension()", "pn"),
        ("alt.data_transformers.enable('a')", "alt"),
        ("register_matplotlib_converters()", "register_matplotlib_converters"),
        ("tf.config.set_visible_devices([])", "tf"),
        ("faulthandler.enable()", "faulthandler"),
        ("socket.setdefaulttimeout(1)", "socket"),
        ("old = np.seterr(all='ignore')", "np"),
        ("g = torch.manual_seed(0)", "torch"),
        ("v = os.environ.setdefault('A', 'b')", "os"),
        ("@pd.api.extensions.register_dataframe_accessor('a')\nclass A:\n    pass", "pd"),
    ],
)
def test_set_up_is_seen(source: str, root: str) -> None:
    assert now(source).setup == (root,)
    inside = "def f():\n" + indent(source, "    ")
    assert analyse(inside).units[0].later.setup == (root,)


@pytest.mark.parametrize(
    "source",
    [
        "x = np.random.rand(3)",
        "np.random.rand(3)",
        "random.shuffle(xs)",
        "shutil.rmtree('a')",
        "urllib.request.urlretrieve(u)",
        "os.makedirs('a')",
        "pip.main(['install', 'a'])",
        "pip.install('a')",
        "with pd.option_context('a', 1):\n    pass",
        "table = config.options('a')",
        "x = d.setdefault('a', 1)",
        "plt.gca().set_title('a')",
        "plt.plot(x)",
        "pd.get_option('a')",
        "pd.describe_option('a')",
        "d.setdefault('a', 1)",
        "set(xs)",
        "print(x)",
        "time.sleep(1)",
        "def f(np):\n    np.random.seed(0)",
        "x = 1",
    ],
)
def test_what_only_looks_like_set_up_is_none(source: str) -> None:
    (unit,) = analyse(source).units
    assert (unit.now.setup, unit.later.setup) == ((), ())


@pytest.mark.parametrize(
    ("source", "effects"),
    [
        ("random.random()", "random random"),
        ("np.random.normal(0, 1)", "random np"),
        ("torch.randn(3)", "random torch"),
        ("df.sample(5)", "random "),
        ("df.sample(frac=0.1)", "random "),
        ("rng.sample(xs, 5)", "random rng"),
        ("normal.sample((3,))", "random normal"),
        ("df.sample(5, random_state=1)", ""),
        ("train_test_split(X, y)", "random train_test_split"),
        ("train_test_split(X, y, random_state=0)", ""),
        ("train_test_split(X, y, random_state=None)", "random train_test_split"),
        ("torch.randn(3, generator=g)", ""),
        ("make_blobs(5)", "random make_blobs"),
        ("KMeans(3)", "estimator KMeans"),
        ("KMeans(3, random_state=0)", ""),
        ("np.random.seed(0)", "seed np"),
        ("torch.manual_seed(0)", "seed torch"),
        ("np.random.default_rng(1)", ""),
        ("random.Random(1)", ""),
        ("rng.normal()", ""),
        ("urllib.request.urlopen(u)", "network urllib"),
        ("urlretrieve(u)", "network urlretrieve"),
        ("boto3.client('s3')", "network boto3"),
        ("pd.read_csv('https://a.b/c.csv')", "network pd"),
        ("create_engine(u)", "database create_engine"),
        ("pd.read_sql(q, c)", "database pd"),
        ("psycopg2.connect()", "database psycopg2"),
        ("datetime.now()", "clock datetime"),
        ("datetime.datetime.now()", "clock datetime"),
        ("date.today()", "clock date"),
        ("pd.Timestamp.now()", "clock pd"),
        ("time()", "clock time"),
        ("open('a')", "reader open"),
        ("open('a', 'rb')", "reader open"),
        ("open('a', mode='w')", "writer "),
        ("open(f(x), 'w')", ""),
        ("open(f(x))", "reader? open"),
        ("Path('a').open()", "reader "),
        ("D.open('w')", "reader D"),
        ("gzip.open(D, 'w')", "reader "),
        ("D.read_text()", "reader "),
        ("f(x).read_bytes()", "reader? "),
        ("D.glob('*')", "reader "),
        ("os.listdir('a')", "reader os"),
        ("os.listdir(f(x))", "reader? os"),
        ("pd.read_csv(open('a'))", "reader open"),
        ("pd.read_csv(cfg.path)", "reader? pd"),
        ("df.to_csv('a')", "writer "),
        ("df.to_csv(f(x))", ""),
        ("joblib.dump(m, 'a')", "writer "),
        ("Path('a').write_text('b')", "writer "),
        ("np.load('a')", "reader np"),
        ("pl.scan_csv('a')", "reader pl"),
        ("Path('a').read_text()", "reader "),
        ("pd.read_csv(io.StringIO(s))", ""),
        ("pd.read_csv(D / 'a')", "reader pd"),
        ("pd.read_csv(D)", "reader pd"),
        ("with open('a') as f:\n    pd.read_csv(f)", "reader open"),
        ("pd.read_csv(filepath_or_buffer=f(x))", "reader? pd"),
        ("json.load(f)", ""),
        ("d.get('a')", ""),
    ],
)
def test_effects_are_told_by_their_words(source: str, effects: str) -> None:
    found = analyse(source).units[-1].now.effects
    told = [f"{e.kind}{'?' if e.path in UNKNOWN else ''} {e.root}" for e in found]
    assert " ".join(told) == effects


def test_a_path_that_a_function_binds_is_known_in_it() -> None:
    later = analyse("def f(p):\n    q = D / 'x'\n    pd.read_csv(q)\n    pd.read_csv(p)").units[0].later
    assert [(e.line, e.path) for e in later.effects] == [
        (3, ("join", ("name", "D"), ("str", "x"))), (4, ("param", "f", "0", "p")),
    ]  # fmt: skip
