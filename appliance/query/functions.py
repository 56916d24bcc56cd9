"""The functions that a stranger's SQL may call. What isn't named here is refused, whatever it does.

A function belongs here when one call reads nothing but its arguments, changes nothing, and makes nothing much larger
than its arguments. Left out on purpose, with those that read files, settings or the catalog: what sleeps or logs
(``sleep_ms``, ``pg_sleep``, ``write_log``), keeps state (``nextval``, ``setseed``), takes a size to allocate
(``list_resize``, ``bitstring``, ``bitstring_agg``, ``reservoir_quantile``, ``equi_width_bins``), takes quadratic time
(``levenshtein``, ``jaccard``, ``jaro_similarity``, ``map_concat``, ``json_merge_patch``), or carries everything so far
to the next step (``list_reduce``). Those that the parser writes for operators and other syntax count like any other.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final


def _names(*texts: str) -> frozenset[str]:
    return frozenset(name for text in texts for name in text.split())


# Arithmetic, comparison and matching: a value of fixed size, or one as long as the longer argument. Patterns go to
# RE2, whose time is linear in the text.
OPERATORS: Final = _names(
    "+ - * / // % ** ^ & | << >> ~ @ && <@ @> ^@ ->> ~~ !~~ ~~* !~~* ~~~",
    "like_escape not_like_escape ilike_escape not_ilike_escape",
    "add subtract multiply divide mod fmod fdiv xor",
)

# Numbers to numbers.
MATHS: Final = _names(
    "abs ceil ceiling floor round round_even roundbankers trunc sign signbit sqrt cbrt exp ln log log2 log10 pow power",
    "sin cos tan cot asin acos atan atan2 sinh cosh tanh asinh acosh atanh degrees radians pi even factorial gamma",
    "lgamma gcd lcm greatest_common_divisor least_common_multiple isnan isinf isfinite bit_count nextafter random",
)

# Text to text of about its length, or to a number. Those that can lengthen it are weighed in ``cost.py``.
TEXT: Final = _names(
    "|| concat concat_ws lower lcase upper ucase trim ltrim rtrim left right left_grapheme right_grapheme",
    "substr substring substring_grapheme reverse strip_accents nfc_normalize length len char_length character_length",
    "length_grapheme strlen octet_length bit_length ascii ord unicode chr contains starts_with ends_with prefix suffix",
    "instr position strpos replace translate split_part string_split str_split split string_to_array str_split_regex",
    "string_split_regex regexp_split_to_array regexp_matches regexp_full_match regexp_extract regexp_extract_all",
    "regexp_replace regexp_escape url_encode url_decode base64 to_base64 from_base64 hex to_hex unhex from_hex encode",
    "decode md5 md5_number sha1 sha256 hash format_bytes formatReadableSize formatReadableDecimalSize bar",
    "parse_filename parse_dirname parse_dirpath parse_path",  # they cut text; no file is looked at
)

# Allowed in the bounded form that ``cost.py`` checks.
BOUNDED: Final = _names("lpad rpad repeat format printf range generate_series")

# Times to times, numbers or short text. The clock is no secret.
TIMES: Final = _names(
    "now today current_date get_current_timestamp get_current_time transaction_timestamp",
    "current_localtime current_localtimestamp age ago date_add date_diff datediff date_sub datesub date_part datepart",
    "date_trunc datetrunc time_bucket timezone timezone_hour timezone_minute last_day days_in_month dayname monthname",
    "era millennium century decade year yearweek isoyear quarter month week weekofyear day dayofmonth dayofweek",
    "dayofyear isodow weekday hour minute second millisecond microsecond nanosecond epoch epoch_ms epoch_us epoch_ns",
    "julian make_date make_time make_timestamp make_timestamp_ms make_timestamp_ns make_timestamptz to_timestamp",
    "strftime strptime try_strptime to_centuries to_days to_decades to_hours to_microseconds to_millennia",
    "to_milliseconds to_minutes to_months to_quarters to_seconds to_weeks to_years normalized_interval",
    "uuid_extract_timestamp uuid_extract_version",
)

# JSON text to a part of it, or values to JSON.
JSON: Final = _names(
    "json json_extract json_extract_path json_extract_string json_extract_path_text json_value json_exists",
    "json_contains json_keys json_type json_valid json_array_length json_structure json_array json_object json_quote",
    "to_json array_to_json row_to_json",
)

# Lists, structs and maps to parts or rearrangements of them.
NESTED: Final = _names(
    "list_value list_pack list_extract list_element array_extract list_slice array_slice list_concat list_cat",
    "array_concat array_cat list_append array_append array_push_back list_prepend array_prepend array_push_front",
    "list_contains array_contains list_has array_has list_has_any array_has_any list_has_all array_has_all",
    "list_position list_indexof array_position array_indexof list_distinct array_distinct list_unique array_unique",
    "list_sort array_sort list_reverse_sort array_reverse_sort list_reverse array_reverse list_grade_up",
    "list_intersect array_intersect list_select array_select list_where array_where list_zip array_zip flatten",
    "list_aggregate list_aggr array_aggregate array_aggr aggregate array_length cardinality array_to_string",
    "list_transform list_apply array_transform array_apply apply list_filter array_filter filter",
    "list_any_value list_approx_count_distinct list_avg list_bool_and list_bool_or list_count list_entropy list_first",
    "list_histogram list_last list_mad list_max list_median list_min list_mode list_product list_stddev_pop",
    "list_stddev_samp list_string_agg list_sum list_var_pop list_var_samp list_skewness list_kurtosis unnest",
    "struct_pack row struct_extract struct_extract_at struct_insert struct_keys struct_values struct_concat",
    "map map_contains map_entries map_extract map_extract_value map_from_entries map_keys map_values",
    "map_contains_entry map_contains_value element_at",
)

# A choice between arguments, or what kind of value one is.
CHOICE: Final = _names("greatest least nullif constant_or_null typeof switch")

# One value a group; memory grows with the rows read, which the watch over running queries bounds.
AGGREGATES: Final = _names(
    "count count_star count_if countif sum fsum kahan_sum sumkahan sum_no_overflow avg mean favg min max",
    "any_value arbitrary first last min_by max_by arg_min arg_max argmin argmax arg_min_null arg_max_null",
    "bit_and bit_or bit_xor bool_and bool_or product geomean geometric_mean wavg weighted_avg",
    "median mode quantile quantile_cont quantile_disc approx_quantile",
    "approx_count_distinct approx_top_k entropy mad sem skewness kurtosis kurtosis_pop stddev stddev_pop stddev_samp",
    "var_pop var_samp variance corr covar_pop covar_samp regr_avgx regr_avgy regr_count regr_intercept regr_r2",
    "regr_slope regr_sxx regr_sxy regr_syy list array_agg string_agg group_concat listagg histogram histogram_exact",
    "json_group_array json_group_object",
)

# They stand before OVER, and walk over rows that are there.
WINDOWS: Final = _names(
    "row_number rank rank_dense dense_rank percent_rank cume_dist ntile lag lead first_value last_value nth_value",
)

FUNCTIONS: Final = OPERATORS | MATHS | TEXT | BOUNDED | TIMES | JSON | NESTED | CHOICE | AGGREGATES | WINDOWS

# Functions in FROM, which hand out rows as they are asked for: no size of theirs is allocated.
TABLE_FUNCTIONS: Final = _names("range generate_series unnest json_each json_tree")

# Words that are read as a call where no column has their name. Those of the clock are harmless.
BARE_CALLS: Final = _names(
    "current_catalog current_role current_schema current_user current_database session_user user",
)

ADDING: Final = _names(
    "|| concat concat_ws list_value list_pack list_concat list_cat array_concat array_cat list_append array_append",
    "array_push_back list_prepend array_prepend array_push_front list_zip array_zip struct_pack row struct_insert",
    "struct_concat map map_from_entries json_object json_array",
)
"""Functions whose result is as large as all their arguments together."""

COLLECTING: Final = _names(
    "list array_agg string_agg group_concat listagg histogram histogram_exact approx_top_k",
    "json_group_array json_group_object",
)
"""Aggregates that put what many rows hold into one value; not before OVER, where they would for each row."""

NEEDLES: Final[Mapping[str, int]] = dict.fromkeys(
    _names(
        "contains instr position strpos replace split_part string_split str_split split string_to_array trim ltrim",
        "rtrim array_to_string string_agg group_concat listagg list_string_agg",
    ),
    1,
) | dict.fromkeys(_names("list_aggregate list_aggr array_aggregate array_aggr aggregate"), 2)
"""Where among the arguments a text stands that is looked for or put in: the time, or the result, is its length times
that of the other."""

SEPARATING: Final = _names(
    "array_to_string list_string_agg list_aggregate list_aggr array_aggregate array_aggr aggregate",
)
"""Functions that may put a text between the elements of a list."""

PATTERNS: Final = _names(
    "regexp_matches regexp_full_match regexp_extract regexp_extract_all regexp_replace str_split_regex",
    "string_split_regex regexp_split_to_array",
)
"""Functions whose second argument is compiled, once when it is written out and for each row when it is not."""

LIKES: Final = _names("~~ !~~ ~~* !~~* ~~~ like_escape not_like_escape ilike_escape not_ilike_escape")
"""Comparisons whose second argument has wildcards. The engine goes back at each for every place that it matched."""

REPLACING: Final = _names("replace regexp_replace")
"""Functions that put one text in the place of another, at each place where that is found."""

LENGTHENING: Final[Mapping[str, int]] = {
    "hex": 2,
    "to_hex": 2,
    "base64": 2,
    "to_base64": 2,
    "url_encode": 3,
    "regexp_escape": 2,
    "translate": 4,
    "json_quote": 6,
    "to_json": 6,
    "array_to_json": 6,
    "row_to_json": 6,
    "json_structure": 4,
    "strftime": 10,
    "string_split": 16,
    "str_split": 16,
    "split": 16,
    "string_to_array": 16,
    "str_split_regex": 16,
    "string_split_regex": 16,
    "regexp_split_to_array": 16,
    "regexp_extract_all": 16,
    "list_histogram": 4,
}
"""How many times as large as its arguments the result may be, where that is more than about once."""
