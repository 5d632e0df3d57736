// The site of the documentation. The pages are those that GitHub shows: what the two disagree on is made up for in markdown.mts.
import { defineConfig } from 'vitepress'
import { markdown, repository } from './markdown.mts'
import { sidebar } from './sidebar.mts'

// The address below which the site lies, with a slash at both ends: /checky/ on the project's pages.
const base = process.env.SITE_BASE || '/'

export default defineConfig({
  base,
  lang: 'en',
  title: 'Checky',
  description: 'Checks data on Kubernetes, and explains every verdict',
  outDir: '../dist/site',
  cacheDir: './node_modules/.vitepress',
  // The folder's page on GitHub; the site has a home of its own.
  srcExclude: ['README.md'],
  rewrites: { 'design/README.md': 'design/index.md' },
  cleanUrls: true,
  // A checkout of CI has no history to tell it from.
  lastUpdated: !process.env.CI,
  head: [
    ['link', { rel: 'icon', type: 'image/svg+xml', href: `${base}logo.svg` }],
    ['meta', { name: 'theme-color', content: '#0b6b4f' }],
  ],
  markdown,
  // What is generated is not edited.
  transformPageData(page) {
    if (/^(modules\/|modules\.md|reference\/)/.test(page.filePath)) page.frontmatter.editLink = false
  },
  themeConfig: {
    logo: { src: '/logo.svg', alt: '' },
    nav: [
      { text: 'Start', link: '/start' },
      { text: 'Rules', link: '/rules', activeMatch: '^/(rules|modules)' },
      { text: 'Operate', link: '/operations', activeMatch: '^/(operations|runbooks)' },
      { text: 'Reference', link: '/reference/api', activeMatch: '^/(reference|limits)' },
      // In words: for an icon of its social links the theme asks another host where it does not find it.
      { text: 'GitHub', link: repository },
    ],
    sidebar,
    outline: { level: [2, 3] },
    search: { provider: 'local' },
    editLink: { pattern: `${repository}/edit/main/docs/:path`, text: 'Edit this page' },
    footer: { message: 'Apache-2.0' },
    externalLinkIcon: false,
  },
})
