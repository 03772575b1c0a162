"""Benign or malignant, by a student of machine learning: pipeline objects that draw themselves, display options,
warnings that are shown, a global seed."""

from __future__ import annotations

FILES = {
    "lib/plots.py": """\
def barh(series, ax):
    ax.barh(series.index, series.to_numpy(), color="teal")
    return ax
"""
}

CELLS = {
    "extension": "%load_ext nbflow",
    "reload": "%load_ext autoreload\n%autoreload 2",
    "imports": """\
import sys
import warnings

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import sklearn
from sklearn.compose import ColumnTransformer
from sklearn.datasets import load_breast_cancer
from sklearn.exceptions import ConvergenceWarning
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import classification_report, confusion_matrix
from sklearn.model_selection import GridSearchCV, train_test_split
from sklearn.pipeline import Pipeline
from sklearn.preprocessing import KBinsDiscretizer, StandardScaler

sys.path.append("lib")""",
    "options": """\
pd.set_option("display.precision", 3)
pd.set_option("display.max_columns", 6)
pd.options.display.max_rows = 8
np.set_printoptions(precision=2, suppress=True)
sklearn.set_config(enable_metadata_routing=False, print_changed_only=False)
warnings.simplefilter("always", ConvergenceWarning)""",
    "seed": "SEED = 3\nnp.random.seed(SEED)",
    "parameters": "share = 0.3\nstrengths = [0.01, 1.0]",
    "data": """\
%%step data -o X y names
raw = load_breast_cancer(as_frame=True)
X, y, names = raw.data.iloc[:, :8], raw.target, list(raw.target_names)
X""",
    "look-describe": "X.describe()",
    "look-balance": "y.value_counts(normalize=True).plot.pie()",
    "split": """\
%%step split -i X y -o X_train X_test y_train y_test
X_train, X_test, y_train, y_test = train_test_split(X, y, test_size=share)
X_train.iloc[:3, :3]""",
    "md-model": "### the model\nscaled where it is about size, binned where it is about shape",
    "build": """\
def build(**options):
    size = ["mean radius", "mean perimeter", "mean area"]
    return Pipeline([
        ("columns", ColumnTransformer([("size", StandardScaler(), size)],
                                      remainder=KBinsDiscretizer(4, encode="ordinal", quantile_method="linear"))),
        ("model", LogisticRegression(**options)),
    ])""",
    "first": """\
%%step first -i X_train y_train -o first
first = build(max_iter=3)
first.fit(X_train, y_train)""",
    "search": """\
%%step search -i X_train y_train -o best table
grid = GridSearchCV(build(max_iter=200), {"model__C": strengths}, cv=3)
grid.fit(X_train, y_train)
best = grid.best_estimator_
table = pd.DataFrame(grid.cv_results_)[["param_model__C", "mean_test_score", "std_test_score"]]
print(grid.best_params_)
table.style.background_gradient(subset="mean_test_score").hide(axis="index")""",
    "look-table": "table.T",
    "judge": """\
%%step judge -i first best X_test y_test names -o matrix
print(classification_report(y_test, best.predict(X_test), target_names=names))
odd = X_test.copy()
odd.iloc[0] = np.nan
with np.errstate(all="warn"):
    print(np.log(np.array([0.0, 1.0])))
matrix = confusion_matrix(y_test, first.predict(X_test)), confusion_matrix(y_test, best.predict(X_test))
matrix""",
    "judge-plot": """\
%%step judge
from plots import barh
weights = pd.Series(best["model"].coef_[0], best[:-1].get_feature_names_out()).sort_values()
fig, ax = plt.subplots(figsize=(4, 2))
barh(weights, ax)
best""",
    "look-wrong": "X_test[y_test != best.predict(X_test)]",
}
LOOKS = {"look-describe", "look-balance", "look-table", "look-wrong"}
