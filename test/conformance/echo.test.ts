/** The echo connector keeps what connectors promise. */
import { runConnectorConformance } from './connector.ts'
import { echo_conformer } from './echo-world.ts'

runConnectorConformance('echo', echo_conformer)
