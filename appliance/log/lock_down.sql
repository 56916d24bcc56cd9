-- name: spill
-- Where queries put what doesn't fit into memory, and how much of the disk they may take for it.
SET temp_directory = $folder;
SET max_temp_directory_size = '4GB'

-- name: lock
-- The engine opens no file but the log's own and its spill folder, loads nothing, looks at no variable of Python, and
-- keeps its settings, but for those that this process itself turns: see database.py and known_ids.py.
SET GLOBAL python_enable_replacements = false;
SET allowed_configs = ['threads', 'memory_limit', 'arrow_lossless_conversion', 'TimeZone'];
SET enable_external_access = false;
SET lock_configuration = true
