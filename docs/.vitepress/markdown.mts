// Markdown is written for GitHub, and this is what it takes to be the same on the site: anchors by GitHub's rule, links out of this
// folder into the repository, no HTML but comments, and diagrams in the colours of the page. One thing is other: where a link is called by
// its file, a reader of the site sees the page's title.
import { existsSync, readFileSync, statSync } from 'node:fs'
import { dirname, relative, resolve } from 'node:path'
import { fileURLToPath } from 'node:url'
import type { MarkdownOptions } from 'vitepress'

export const repository = 'https://github.com/checky-dev/checky'

const docs = fileURLToPath(new URL('..', import.meta.url))
const root = resolve(docs, '..')

// slugify is how GitHub makes an anchor of a heading.
const slugify = (heading: string): string =>
  heading
    .trim()
    .toLowerCase()
    .replace(/[^\p{L}\p{N} _-]/gu, '')
    .replace(/ /g, '-')

// linkOnSite leads to the same place as a relative link of a page does on GitHub.
function linkOnSite(href: string, page: string): string {
  if (/^([a-z]+:|#|\/)/.test(href)) return href
  const [target, anchor] = href.split('#')
  const path = resolve(dirname(page), decodeURI(target))
  const hash = anchor ? `#${anchor}` : ''
  if (!existsSync(path)) throw new Error(`${relative(root, page)}: ${href} leads nowhere`)
  const folder = statSync(path).isDirectory()
  const inside = relative(docs, path)
  if (inside === 'README.md') return `${relative(dirname(page), resolve(docs, 'index.md'))}${hash}`
  if (!inside.startsWith('..') && /\.(md|png|svg)$/.test(inside)) {
    return href.replace(/(^|\/)README\.md(#|$)/, '$1index.md$2')
  }
  return `${repository}/${folder ? 'tree' : 'blob'}/main/${relative(root, path)}${hash}`
}

// titleOf is the title of the page that a link leads to, if the link is called by the page's file.
function titleOf(href: string, text: string, page: string): string {
  if (/^([a-z]+:|#|\/)/.test(href)) return text
  const path = resolve(dirname(page), decodeURI(href.split('#')[0]))
  if (!text.endsWith('.md') || !path.endsWith(`/${text}`) || relative(docs, path).startsWith('..')) return text
  return /^# (.+)$/m.exec(readFileSync(path, 'utf8'))?.[1] ?? text
}

// diagram gives an SVG file's drawing without its own colours, which are those of an image on a page that it knows nothing of.
function diagram(path: string, alt: string, escape: (text: string) => string): string {
  const drawing = readFileSync(path, 'utf8')
    .replace(/<style>[\s\S]*?<\/style>/, '')
    .replace(/<title>[\s\S]*?<\/title>/, '')
    .replace('<svg ', `<svg class="drawing" role="img" aria-label="${escape(alt)}" `)
  // An image stands in a paragraph, and so no figure may.
  return `<span class="diagram" v-pre>${drawing}</span>`
}

export const markdown: MarkdownOptions = {
  html: false,
  anchor: { slugify },
  theme: { light: 'github-light-high-contrast', dark: 'github-dark-high-contrast' },
  config(md) {
    md.core.ruler.before('normalize', 'comments', (state) => {
      state.src = state.src.replace(/^<!--[\s\S]*?-->\n/, '')
    })
    md.core.ruler.push('repository', (state) => {
      for (const block of state.tokens) {
        // Indented code is shown as fenced code is.
        if (block.type === 'code_block') Object.assign(block, { type: 'fence', info: 'text', markup: '```' })
      }
      if (!state.env.path) return
      for (const block of state.tokens) {
        const tokens = block.children ?? []
        tokens.forEach((token, i) => {
          const href = token.type === 'link_open' && token.attrGet('href')
          if (!href) return
          const called = tokens[i + 1]
          if (called?.type === 'text') called.content = titleOf(href, called.content, state.env.path)
          token.attrSet('href', linkOnSite(href, state.env.path))
        })
      }
    })
    // Two braces are text, not an expression of Vue's.
    const text = md.renderer.rules.text!
    md.renderer.rules.text = (...args) => text(...args).replaceAll('{{', '&#123;&#123;')
    const image = md.renderer.rules.image!
    md.renderer.rules.image = (tokens, index, options, env, self) => {
      const source = tokens[index].attrGet('src') ?? ''
      if (!source.endsWith('.svg') || !env.path) return image(tokens, index, options, env, self)
      return diagram(resolve(dirname(env.path), source), tokens[index].content, md.utils.escapeHtml)
    }
  },
}
