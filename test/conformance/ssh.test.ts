/** The SSH connector keeps what connectors promise. */
import { runConnectorConformance } from './connector.ts'
import { ssh_conformer } from './ssh-world.ts'

runConnectorConformance('ssh', ssh_conformer)
