"""Calls that the check speaks about: drawing at random, network, databases, the clock. Files are in ``readers``.

Tables by the last word of a dotted call (``read_csv`` of ``pd.read_csv``). They only say what a call looks like;
whether its root really is the module is for the check, which knows the imports. Read ``outside`` for the place that
asks.
"""

from __future__ import annotations

import ast
from collections.abc import Sequence
from typing import Literal

from nbflow.core.words import words as words_in

Kind = Literal["random", "seed", "estimator", "network", "database", "clock", "reader", "writer"]

_RANDOM_SETUP = words_in("""
    seed getstate setstate get_state set_state default_rng RandomState Random SystemRandom SeedSequence Generator
    PCG64 Philox MT19937 SFC64 get_rng_state set_rng_state set_seed manual_seed fork_rng PRNGKey key split
    """)
_RANDOM_WORDS = words_in("rand randn randint randperm randrange uniform gauss normalvariate rand_like randn_like")
_RANDOM_UNSEEDED = words_in("""
    sample train_test_split shuffle resample permutation_importance
    make_classification make_regression make_blobs make_moons make_circles make_friedman1 make_s_curve make_swiss_roll
    make_gaussian_quantiles make_multilabel_classification make_sparse_spd_matrix make_low_rank_matrix
    """)
"""These draw from the global generator unless told otherwise by one of ``_SEEDS``."""
_ESTIMATORS = words_in("""
    RandomForestClassifier RandomForestRegressor ExtraTreesClassifier ExtraTreesRegressor GradientBoostingClassifier
    GradientBoostingRegressor BaggingClassifier BaggingRegressor AdaBoostClassifier AdaBoostRegressor IsolationForest
    DecisionTreeClassifier DecisionTreeRegressor SGDClassifier SGDRegressor MLPClassifier MLPRegressor KMeans
    MiniBatchKMeans GaussianMixture TSNE TruncatedSVD FastICA NMF ShuffleSplit StratifiedShuffleSplit GroupShuffleSplit
    RandomizedSearchCV RANSACRegressor
    Linear Conv1d Conv2d Conv3d ConvTranspose2d LSTM GRU RNN Embedding MultiheadAttention TransformerEncoderLayer
    """)
"""Models that draw when they are fitted, or layers that draw when they are made, unless told otherwise."""
_SEEDERS = words_in("""
    seed manual_seed manual_seed_all seed_all seed_everything set_seed set_random_seed fix_seed set_global_seed
    set_state setstate set_rng_state
    """)
_TABLE_SAMPLE = frozenset({"n", "frac", "replace", "weights"})
"""Arguments by which ``sample`` is that of a table."""
_SEEDS = frozenset({"random_state", "seed", "rng", "generator"})

_NETWORK: dict[str, Kind] = dict.fromkeys(
    words_in("""
    requests.get requests.post requests.put requests.delete requests.head requests.patch requests.request
    requests.Session requests.session httpx.get httpx.post httpx.put httpx.delete httpx.stream httpx.request
    httpx.Client httpx.AsyncClient aiohttp.ClientSession request.urlopen request.urlretrieve urllib.urlopen
    urlopen urlretrieve urllib3.PoolManager socket.socket socket.create_connection http.client.HTTPSConnection
    client.HTTPConnection client.HTTPSConnection boto3.client boto3.resource boto3.Session wget.download
    ftplib.FTP ftplib.FTP_TLS smtplib.SMTP smtplib.SMTP_SSL paramiko.SSHClient fetch_openml load_dataset
    hf_hub_download snapshot_download yf.download yfinance.download gdown.download storage.Client bigquery.Client
    """),
    "network",
)
_DATABASE: dict[str, Kind] = dict.fromkeys(
    words_in("""
    sqlite3.connect psycopg2.connect psycopg.connect pymysql.connect MySQLdb.connect cx_Oracle.connect
    oracledb.connect pyodbc.connect duckdb.connect asyncpg.connect aiosqlite.connect connector.connect
    snowflake.connect create_engine create_async_engine MongoClient AsyncIOMotorClient redis.Redis redis.StrictRedis
    read_sql read_sql_query read_sql_table read_gbq read_database read_database_uri Elasticsearch
    """),
    "database",
)
_CLOCK: dict[str, Kind] = dict.fromkeys(
    words_in("""
    time.time time.time_ns time.localtime time.gmtime time.ctime datetime.now datetime.today datetime.utcnow
    date.today Timestamp.now Timestamp.today Timestamp.utcnow pendulum.now pendulum.today arrow.now arrow.utcnow
    timezone.now
    """),
    "clock",
)
_TABLE: dict[str, Kind] = {**_NETWORK, **_DATABASE, **_CLOCK}
"""A last word, or the last two, → kind."""
_LAST_WORDS = frozenset(key.rpartition(".")[2] for key in _TABLE)

IN_A_FILE = frozenset({"sqlite3", "duckdb", "aiosqlite"})
"""Databases that live in one file, or in memory."""
REMOTE = ("http://", "https://", "ftp://", "s3://", "gs://", "gcs://", "az://", "abfs://", "hdfs://", "sftp://")


def may_matter(word: str) -> bool:
    """A quick first look at the last word of a call; most calls end here."""
    return (
        word in _LAST_WORDS
        or word in _RANDOM_WORDS
        or word in _RANDOM_UNSEEDED
        or word in _ESTIMATORS
        or word in _SEEDERS
    )


def kind_of(words: Sequence[str], node: ast.Call) -> Kind | None:
    """What kind of effect a call of these dotted words is, ``None`` for none."""
    word = words[-1]
    pair = ".".join(words[-2:])
    if pair == "duckdb.connect" and not node.args:
        return None  # in memory
    known = _TABLE.get(pair) or _TABLE.get(word) or ("clock" if list(words) == ["time"] else None)
    if known is not None:
        return known
    if word in _SEEDERS:
        return "seed"
    if word in _ESTIMATORS:
        return None if _is_seeded(node) else "estimator"
    if _draws(words, node):
        return "random"
    return None


def _draws(words: Sequence[str], node: ast.Call) -> bool:
    word = words[-1]
    if len(words) > 1 and words[-2] == "random":
        return word not in _RANDOM_SETUP and word[:1].islower()
    if word in _RANDOM_UNSEEDED:
        return not _is_seeded(node)
    return word in _RANDOM_WORDS and words[0] in ("torch", "random", "np", "numpy", word) and not _is_seeded(node)


def _is_seeded(node: ast.Call) -> bool:
    return any(
        k.arg is None or (k.arg in _SEEDS and not (isinstance(k.value, ast.Constant) and k.value.value is None))
        for k in node.keywords
    )


def samples_a_table(node: ast.Call) -> bool:
    """``df.sample(5)``, ``df.sample(frac=0.1)``: whatever ``df`` is, a table draws from NumPy's generator."""
    if _is_seeded(node) or len(node.args) > 1:
        return False
    number = bool(node.args) and isinstance(node.args[0], ast.Constant) and isinstance(node.args[0].value, (int, float))
    return number or any(k.arg in _TABLE_SAMPLE for k in node.keywords)
