/** The PostgreSQL connector keeps what connectors promise. */
import { runConnectorConformance } from './connector.ts'
import { postgres_conformer } from './postgres-world.ts'

runConnectorConformance('postgres', postgres_conformer)
