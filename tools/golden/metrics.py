"""Golden values of the evaluators, from SciPy and scikit-learn: tests/golden/metrics.json.

    python tools/golden/metrics.py [--out FILE]

Inputs are hash-made (hash.py) with ties, zeros and whole rows of zeros, so that only results are
stored. tests/test_metrics_vce.c and tests/test_metrics_v2v.c make the same inputs and compare.
"""
import argparse
import json
import pathlib
import re

import numpy as np
import scipy
import sklearn
from scipy import optimize, stats
from scipy.spatial import distance
from sklearn import metrics

import hash as hashed

EMOTIONS, ROWS, PAIRS, LISTS, SEED = 27, 64, 90, 48, 5
EPSILON = 1e-6


def uniform(name, shape):
    return hashed.uniform(hashed.key_name(SEED, name), int(np.prod(shape))).reshape(shape)


def word_distances():
    """The ratings as models/emotion_words.c has them."""
    source = (pathlib.Path(__file__).parents[2] / "models/emotion_words.c").read_text()
    rows = re.findall(r"\{(\d\.\d+), (\d\.\d+), (\d\.\d+)\}, +/\*", source)
    words = np.array(rows, float)
    assert words.shape == (EMOTIONS, 3)
    return np.sqrt(((words[:, None] - words[None]) ** 2).sum(-1))


def transport(p, q, cost):
    n = len(p)
    rows = np.kron(np.eye(n), np.ones(n))
    columns = np.kron(np.ones(n), np.eye(n))
    found = optimize.linprog(cost.ravel(), A_eq=np.vstack([rows, columns]), b_eq=np.concatenate([p, q]),
                             bounds=(0, None), method="highs",
                             options={"primal_feasibility_tolerance": 1e-10, "dual_feasibility_tolerance": 1e-10})
    assert found.status == 0, found.message
    return found.fun


def vce_inputs(kind):
    label = np.maximum(0, np.floor(20 * uniform("label", (ROWS, EMOTIONS))) - 11) / 8
    label[[7, 23]] = 0
    predicted = uniform("predicted", (ROWS, EMOTIONS))
    if kind == "ties":
        predicted = np.floor(6 * predicted) / 6
    positive = np.zeros_like(label, bool)
    top = np.argsort(-label, axis=1, kind="stable")[:, :3]
    positive[np.arange(ROWS)[:, None], top] = True
    return label, predicted, positive


def defined(function, *arguments):
    try:
        value = float(function(*arguments))
    except ValueError:
        return None
    return value if np.isfinite(value) else None


def concordance(x, y):
    return 2 * np.cov(x, y, ddof=0)[0, 1] / (x.var() + y.var() + (x.mean() - y.mean()) ** 2)


def vce_case(kind, weighted):
    label, predicted, positive = vce_inputs(kind)
    if weighted:
        times = np.floor(3 * uniform("weight", ROWS)).astype(int)
        label, predicted, positive = (np.repeat(a, times, axis=0) for a in (label, predicted, positive))
    target = label.argmax(1)
    order = np.argsort(-predicted, axis=1, kind="stable")
    values = {}
    for k in 1, 2, 3, 5:
        hit = (order[:, :k] == target[:, None]).any(1)
        values[f"top{k}"] = hit.mean()
        values[f"macro_top{k}"] = np.mean([hit[target == c].mean() for c in np.unique(target)])
        if kind != "ties":
            assert hit.mean() == metrics.top_k_accuracy_score(target, predicted, k=k, labels=range(EMOTIONS))
    assert np.isclose(values["macro_top1"], metrics.balanced_accuracy_score(target, order[:, 0]), atol=1e-15)

    cost = word_distances()
    keep = label.sum(1) > 0
    p = label[keep] / label[keep].sum(1, keepdims=True)
    q = predicted[keep] / predicted[keep].sum(1, keepdims=True)
    p_eps, q_eps = ((x + EPSILON) / (1 + EMOTIONS * EPSILON) for x in (p, q))
    values["l1"] = np.mean([distance.cityblock(a, b) for a, b in zip(p, q)])
    values["l2"] = np.mean([distance.euclidean(a, b) for a, b in zip(p, q)])
    values["cosine"] = np.mean([distance.cosine(a, b) for a, b in zip(p, q)])
    values["kl_label_prediction"] = stats.entropy(p_eps, q_eps, axis=1).mean()
    values["kl_prediction_label"] = stats.entropy(q_eps, p_eps, axis=1).mean()
    values["jensen_shannon"] = distance.jensenshannon(p, q, base=2, axis=1).mean()
    values["wasserstein"] = np.mean([transport(a, b, cost) for a, b in zip(p, q)])

    emotions = []
    for e in range(EMOTIONS):
        x, y, t = predicted[:, e], label[:, e], positive[:, e]
        emotions.append({
            "pearson": defined(lambda: stats.pearsonr(x, y).statistic),
            "spearman": defined(lambda: stats.spearmanr(x, y).statistic),
            "ccc": defined(concordance, x, y),
            "mae": metrics.mean_absolute_error(y, x),
            "auroc": defined(metrics.roc_auc_score, t, x) if t.any() and not t.all() else None,
            "average_precision": defined(metrics.average_precision_score, t, x) if t.any() else None,
            "slope": defined(lambda: stats.linregress(x, y).slope),
        })
    for name in "pearson", "spearman", "ccc", "mae", "auroc", "average_precision":
        values[name] = np.mean([e[name] for e in emotions if e[name] is not None])
    pooled = predicted.T.ravel(), label.T.ravel()
    values["slope"] = stats.linregress(*pooled).slope
    decile = np.floor(10 * (stats.rankdata(pooled[0]) - 0.5) / len(pooled[0])).astype(int)
    deciles = [[pooled[0][decile == b].mean(), pooled[1][decile == b].mean(), int((decile == b).sum())]
               if (decile == b).any() else [None, None, 0] for b in range(10)]
    return {"kind": kind, "weighted": weighted, "values": values, "emotions": emotions, "deciles": deciles}


def v2v_inputs(kind):
    pairs = 4 * uniform("pairs", (PAIRS, 2)) - 2
    pairs[:, 1] += 0.7
    lists = 4 * uniform("lists", (LISTS, 4)) - 2 + 0.5 * np.arange(4)
    if kind == "ties":
        pairs, lists = np.floor(2 * pairs) / 2, np.floor(2 * lists) / 2
    lengths = 2 + np.floor(3 * uniform("lengths", LISTS)).astype(int)
    return pairs, [row[:n] for row, n in zip(lists, lengths)]


def calibration_error(d):
    confidence = 1 / (1 + np.exp(-np.abs(d)))
    right = np.where(d > 0, 1, np.where(d < 0, 0, 0.5))
    bins = np.minimum(9, np.floor((confidence - 0.5) * 20)).astype(int)
    return sum(abs((confidence - right)[bins == b].sum()) for b in range(10)) / len(d)


def scores(d, suffix=""):
    p = 1 / (1 + np.exp(-d))
    ones = np.ones(len(d), int)
    return {f"log_loss{suffix}": metrics.log_loss(ones, p, labels=[0, 1]),
            f"brier{suffix}": metrics.brier_score_loss(ones, p, pos_label=1),
            f"calibration_error{suffix}": calibration_error(d)}


def v2v_case(kind):
    pairs, lists = v2v_inputs(kind)
    d = pairs[:, 1] - pairs[:, 0]
    slope = lambda s: -(d / (1 + np.exp(s * d))).sum()
    temperature = 1 / optimize.brentq(slope, 1e-3, 1e3, xtol=1e-15, rtol=1e-15)
    steps = [np.diff(u) for u in lists]
    tau = [stats.kendalltau(np.arange(len(u)), u).statistic for u in lists]
    best = [np.arange(len(u)) == len(u) - 1 for u in lists]
    values = {
        "pair_accuracy": np.mean(d > 0), "pair_ties": np.mean(d == 0),
        "pair_accuracy_ties_half": np.mean(d > 0) + np.mean(d == 0) / 2,
        **scores(d), **scores(d / temperature, "_fitted"),
        "list_paper": np.mean([not (s < 0).any() for s in steps]),
        "list_strict": np.mean([(s > 0).all() for s in steps]),
        "list_ties": np.mean([(s == 0).any() for s in steps]),
        "list_chance": np.mean([1 / scipy.special.factorial(len(u)) for u in lists]),
        "kendall_tau_b": np.mean(np.nan_to_num(tau)),
        "reciprocal_rank": np.mean([metrics.label_ranking_average_precision_score([b], [u])
                                    for b, u in zip(best, lists)]),
    }
    draws = [np.floor(PAIRS * hashed.uniform(hashed.key(11, r, 0), PAIRS)).astype(int) for r in range(200)]
    replicates = [np.mean(d[rows] > 0) for rows in draws]
    interval = [*np.quantile(replicates, [0.025, 0.975]), np.std(replicates, ddof=1)]
    return {"kind": kind, "temperature": temperature, "values": values, "pair_accuracy_interval": interval}


def plain(value):
    if isinstance(value, dict):
        return {k: plain(v) for k, v in value.items()}
    if isinstance(value, (list, tuple)):
        return [plain(v) for v in value]
    return value.item() if isinstance(value, np.generic) else value


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--out", default="tests/golden/metrics.json")
    arguments = parser.parse_args()
    document = {"made_by": f"tools/golden/metrics.py, scipy {scipy.__version__}, scikit-learn {sklearn.__version__}",
                "seed": SEED, "rows": ROWS, "pairs": PAIRS, "lists": LISTS,
                "vce": [vce_case(kind, weighted) for kind in ("distinct", "ties") for weighted in (False, True)],
                "v2v": [v2v_case(kind) for kind in ("distinct", "ties")]}
    with open(arguments.out, "w") as file:
        json.dump(plain(document), file, indent=0)
        file.write("\n")


if __name__ == "__main__":
    main()
