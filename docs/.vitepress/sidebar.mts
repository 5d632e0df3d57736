// What stands at the side, by who reads it. A page that is missing here fails the build's check.
import { readdirSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import type { DefaultTheme } from 'vitepress'
import { repository } from './markdown.mts'

const modules = readdirSync(fileURLToPath(new URL('../modules', import.meta.url)))
  .map((file) => file.replace(/\.md$/, ''))
  .filter((name) => name !== 'cel' && name !== 'json-schema')
  .sort()

export const sidebar: DefaultTheme.Sidebar = [
  {
    text: 'Start',
    items: [
      { text: 'Five minutes', link: '/start' },
      { text: 'Architecture', link: '/architecture' },
    ],
  },
  {
    text: 'Write rules',
    items: [
      { text: 'Writing rules', link: '/rules' },
      {
        text: 'Modules',
        link: '/modules',
        collapsed: true,
        items: modules.map((name) => ({ text: name, link: `/modules/${name}` })),
      },
      { text: 'CEL', link: '/modules/cel' },
      { text: 'JSON Schema', link: '/modules/json-schema' },
    ],
  },
  { text: 'Knowledge', items: [{ text: 'The knowledge file', link: '/retrieval' }] },
  {
    text: 'Use it',
    items: [
      { text: 'REST', link: '/rest' },
      { text: 'kubectl', link: '/kubectl' },
      { text: 'Command line', link: '/reference/checky' },
    ],
  },
  { text: 'Alerts', items: [{ text: 'Failures that are heard', link: '/alerts' }] },
  {
    text: 'Install and operate',
    items: [
      { text: 'Running Checky', link: '/operations' },
      { text: 'Helm', link: '/helm' },
      { text: 'Sizing', link: '/sizing' },
      { text: 'Reliability', link: '/reliability' },
      { text: 'Benchmarks', link: '/benchmarks' },
      { text: 'Upgrade, backup, uninstall', link: '/lifecycle' },
      { text: 'Runbooks', link: '/runbooks' },
      { text: 'Images', link: '/images' },
    ],
  },
  { text: 'Security', items: [{ text: 'Security', link: '/security' }] },
  {
    text: 'Reference',
    items: [
      { text: 'The kinds', link: '/reference/api' },
      { text: 'checky', link: '/reference/checky' },
      { text: 'checky-alertd', link: '/reference/checky-alertd' },
      { text: 'kubectl checky', link: '/reference/kubectl-checky' },
      { text: 'Limits', link: '/limits' },
    ],
  },
  {
    text: 'Design',
    items: [
      { text: 'How it is built', link: '/design/' },
      { text: 'The life of a Check', link: '/design/checks' },
      { text: 'The contract', link: '/design/contract' },
      { text: 'Decisions', link: '/design/decisions' },
      { text: 'From v1alpha1 to v1', link: '/design/conversion' },
      { text: 'How a release is made', link: '/design/releases' },
    ],
  },
  {
    text: 'Develop',
    items: [
      { text: 'Developing Checky', link: '/development' },
      { text: 'Contributing', link: `${repository}/blob/main/CONTRIBUTING.md` },
      { text: 'Changes', link: `${repository}/blob/main/CHANGELOG.md` },
    ],
  },
]
