"""The real Kafka, Redis, Elasticsearch and PostgreSQL, for tests and development.

Uses the standard library only: ``scripts/services`` runs it before there is an environment.
"""
