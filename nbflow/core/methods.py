"""What calling a method may do to its object: the one table of methods that only look.

A call on an object counts as a possible change of it (``xs.append(1)``, ``loss = model.train_epoch()``), unless the
method's name is known to leave the object as it was. A name is listed only where it means the same on every common
type: ``read`` moves a file on, ``encode`` may teach a tokenizer, ``plot`` draws on an ``Axes``, so these are not.
Read ``calls`` for the place that asks.
"""

from __future__ import annotations

from nbflow.core.words import words

CHANGES_ITS_OBJECT = words("pop popitem popleft setdefault fit fit_transform fit_predict partial_fit load_state_dict")
"""Methods that change their object even where the result is used: ``y = df.pop("y")``, ``h = model.fit(X)``."""

KEEPS_ITS_ARGUMENTS = words("append extend insert add update setdefault appendleft extendleft put push register")
"""Methods after which a container may hold what it was given: ``xs.append(a)``."""

CHANGES_FIRST_ARGUMENT = words("""
    shuffle heappush heappop heapify heapreplace heappushpop insort insort_left insort_right
    setattr delattr setitem delitem fill_diagonal copyto place put putmask put_along_axis at next
    """)
"""Functions that change what their first argument holds: ``random.shuffle(xs)``, ``np.fill_diagonal(a, 0)``."""

TAKES_FROM_FIRST_ARGUMENT = words("heappop heapreplace heappushpop next anext")
"""Those of them that are called for their result too: ``top = heapq.heappop(xs)``."""

_PARTS = words("""
    get values items keys get_level_values parameters named_parameters children named_children modules named_modules
    get_figure get_axes get_xaxis get_yaxis get_legend view ravel reshape squeeze swapaxes transpose
    detach cpu numpy to_numpy
    """)
"""These look, and their result may be a part of the object: ``cfg.get("optimizer")["lr"] = 1`` changes ``cfg``."""

_FRESH = words("""
    copy deepcopy __copy__ head tail describe info isna isnull notna notnull nunique unique value_counts duplicated
    memory_usage corr cov corrwith sum mean median mode std var sem skew kurt kurtosis min max abs prod cumsum cumprod
    cummax cummin quantile count size rank diff pct_change shift round clip idxmin idxmax argmin argmax argsort all any
    nlargest nsmallest groupby resample rolling expanding ewm agg aggregate apply map applymap transform pipe filter
    query merge join concat melt pivot pivot_table unstack stack explode drop_duplicates dropna fillna ffill
    bfill interpolate astype rename rename_axis set_index reset_index reindex reindex_like sort_values sort_index
    assign drop isin between eq ne lt le gt ge sub mul div truediv floordiv mod pow dot crosstab cut qcut
    to_dict to_list tolist to_frame to_series to_records to_string to_markdown to_html to_latex to_json to_csv
    to_parquet to_excel to_feather to_pickle to_sql to_datetime to_timestamp to_period to_pandas to_arrow to_polars
    equals compare select_dtypes get_dummies nonzero flatten tobytes itertuples iterrows iteritems
    select with_columns group_by null_count estimated_size glimpse collect_schema is_empty
    predict predict_proba predict_log_proba decision_function score inverse_transform score_samples get_params
    get_feature_names_out staged_predict summary
    lower upper title capitalize casefold swapcase strip lstrip rstrip split rsplit splitlines partition rpartition
    startswith endswith removeprefix removesuffix replace format format_map find rfind rindex isdigit isalpha isalnum
    isnumeric isdecimal isspace isupper islower istitle isidentifier zfill ljust rjust center expandtabs translate
    hex as_integer_ratio is_integer bit_length conjugate index
    union intersection difference symmetric_difference issubset issuperset isdisjoint most_common elements total
    item dim ndimension numel element_size norm allclose
    exists is_file is_dir stat lstat samefile glob rglob iterdir resolve absolute with_suffix with_name with_stem
    joinpath relative_to is_relative_to as_posix as_uri read_text read_bytes expanduser match
    isoformat strftime date time timetuple timestamp weekday isoweekday isocalendar total_seconds utcoffset tzname
    day_name month_name tz_localize tz_convert floor ceil
    get_title get_xlabel get_ylabel get_xlim get_ylim get_legend_handles_labels get_xticks get_yticks get_size_inches
    savefig write_html write_image to_image show number_of_nodes number_of_edges degree neighbors successors
    predecessors has_node has_edge shortest_path
    """)
"""These look, and their result is a new object: ``raw.copy()["x"] = 1`` leaves ``raw`` alone."""

_LOOKS = _PARTS | _FRESH

_GENERATORS = ("rng", "rand", "gen")


def only_looks(word: str, root: str, empty: bool) -> bool:
    """Whether a method of this name leaves its object as it was. ``root``: the name that the object is known by;
    ``empty``: whether it is called without arguments, which a queue's ``get()`` and a thread's ``join()`` are."""
    if empty and word in ("get", "join"):
        return False
    if word == "sample":  # df.sample(5), but random.Random(0).sample(xs, 5)
        return not any(part in root.lower() for part in _GENERATORS)
    return word in _LOOKS or word[:3] == "is_" or (word[:2] == "__" and word in _LOOKING_OPERATORS)


def makes_new(word: str) -> bool:
    """Whether the result of a method of this name is an object of its own, no part of the method's object."""
    return word in _FRESH or word == "sample"


_LOOKING_OPERATORS = words("__len__ __repr__ __str__ __eq__ __hash__ __contains__ __getitem__ __iter__ __format__")

HOLDS_ITS_ARGUMENTS = words("iter cycle partial memoryview asarray asanyarray from_numpy ravel reshape atleast_1d view")
"""Functions whose result may be, or hold, what they are given, beside classes: ``Trainer(model)``."""

COPIES_ITS_ARGUMENTS = words("""
    DataFrame Series Index MultiIndex Categorical Path PurePath Counter Decimal Fraction Timestamp Timedelta Period
    Interval LazyFrame Table Tensor UUID
    """)
"""Classes, as far as their names tell, whose instances do not change what they are made from."""

MADE_TOGETHER = words("subplots subplot_mosaic")
"""Calls whose results belong together: drawing on ``ax`` changes ``fig``."""


def holds_its_arguments(word: str) -> bool:
    """Whether what a call of this last word returns may change its arguments later: ``Adam(model.parameters())``."""
    return word in HOLDS_ITS_ARGUMENTS or (word[:1].isupper() and word not in COPIES_ITS_ARGUMENTS)
