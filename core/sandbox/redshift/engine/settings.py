"""The session's settings: every name Redshift knows, its default, and which may change without effect here."""

from __future__ import annotations

DATABASE = "dev"
SETTINGS = {
    "search_path": '"$user", public', "timezone": "UTC", "datestyle": "ISO, MDY", "query_group": "unset", "statement_timeout": "0",
    "enable_result_cache_for_session": "on", "extra_float_digits": "0", "wlm_query_slot_count": "1", "max_cursor_result_set_size": "0",
    "enable_case_sensitive_identifier": "off", "enable_case_sensitive_super_attribute": "off", "describe_field_name_in_uppercase": "off",
    "analyze_threshold_percent": "10", "autocommit": "on", "client_encoding": "UTF8", "server_encoding": "UTF8", "server_version": "8.0.2",
    "standard_conforming_strings": "off", "activate_aqua": "auto", "error_on_nondeterministic_update": "off", "json_parse_truncate_strings": "off",
    "json_parse_dedup_attributes": "off", "parse_super_null_on_error": "off",
    "json_serialization_enable": "off", "json_serialization_parse_nested_strings": "off", "use_fips_ssl": "false", "application_name": "", "is_superuser": "on",
    "default_geometry_encoding": "1", "cast_super_null_on_error": "on", "mv_enable_aqmv_for_session": "true", "stored_proc_log_min_messages": "log",
    "transaction_isolation": "SERIALIZABLE", "session_authorization": "awsuser", "role": "none", "seed": "", "transaction_read_only": "off",
    "navigate_super_null_on_error": "on", "spectrum_enable_pseudo_columns": "true", "enable_numeric_rounding": "off",
}  # fmt: skip
_FREE = """
query_group statement_timeout enable_result_cache_for_session wlm_query_slot_count max_cursor_result_set_size
analyze_threshold_percent client_encoding activate_aqua application_name mv_enable_aqmv_for_session use_fips_ssl
stored_proc_log_min_messages default_geometry_encoding
"""
FREE = frozenset([*_FREE.split(), "enable_case_sensitive_super_attribute", "describe_field_name_in_uppercase"])
"""What may be set: without effect here (said in the notes where one would expect some), or honoured."""
