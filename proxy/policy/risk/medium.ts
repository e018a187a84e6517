/**
 * What is worth a note, and runs under the built-in policy.
 *
 * @module
 */
import type { Entry } from './entry.ts'

export const medium_entries: readonly Entry[] = [
  {
    id: 'restart-service',
    risk: 'medium',
    says: 'restarts a service',
    shapes: [
      {
        programs: ['systemctl'],
        verbs: ['restart', 'reload', 'start', 'daemon-reload', 'try-restart', 'reload-or-restart'],
      },
      { programs: ['service'], words: /\b(restart|reload|start)\b/ },
      {
        programs: ['docker', 'podman'],
        verbs: ['restart', 'stop', 'kill', 'rm', 'rmi', 'compose down', 'compose restart'],
      },
      {
        programs: ['kubectl'],
        verbs: ['rollout restart', 'rollout undo', 'apply', 'edit', 'patch', 'replace', 'scale'],
      },
    ],
    examples: [
      'systemctl restart nginx',
      'service nginx reload',
      'docker restart web',
      'kubectl rollout restart deploy/x',
    ],
    counter_examples: ['systemctl status nginx', 'docker ps', 'kubectl get po'],
  },
  {
    id: 'install-packages',
    risk: 'medium',
    says: 'installs software',
    shapes: [
      {
        programs: [
          'apt',
          'apt-get',
          'aptitude',
          'yum',
          'dnf',
          'zypper',
          'snap',
          'brew',
          'pip',
          'pip3',
          'npm',
          'gem',
          'cargo',
          'go',
        ],
        verbs: ['install', 'upgrade', 'update', 'i', 'ci'],
      },
      { programs: ['apk'], verbs: ['add', 'upgrade'] },
      { programs: ['dpkg'], options: [['i', 'install']] },
      { programs: ['rpm'], words: /^-[iUF]/ },
    ],
    examples: [
      'apt-get install -y curl',
      'pip install x',
      'npm ci',
      'rpm -Uvh x.rpm',
      'apk add curl',
    ],
    counter_examples: ['apt list', 'pip list', 'npm run build', 'rpm -qa', 'apk info'],
  },
  {
    id: 'end-process',
    risk: 'medium',
    says: 'ends a process',
    shapes: [{ programs: ['kill', 'pkill', 'killall', 'xkill', 'fuser'], without: /^-(l|0|L)\b/ }],
    examples: ['kill 4711', 'pkill -f worker', 'killall node'],
    counter_examples: ['kill -0 4711', 'kill -l', 'ps aux'],
  },
  {
    id: 'delete-recursively',
    risk: 'medium',
    says: 'deletes a folder',
    shapes: [
      { programs: ['rm'], options: [['r', 'R', 'recursive']] },
      { programs: ['find'], words: /(^|\s)-delete(\s|$)/ },
    ],
    examples: ['rm -rf build', 'find . -name x -delete'],
    counter_examples: ['rm file', 'find . -name x'],
  },
]
