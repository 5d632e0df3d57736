// VitePress' own theme, without its web fonts, in Checky's colours.
import { onMounted, watch } from 'vue'
import { useData, type Theme } from 'vitepress'
import DefaultTheme from 'vitepress/theme-without-fonts'
import './style.css'

const theme: Theme = {
  extends: DefaultTheme,
  setup() {
    // The theme's home has no main landmark, which readers of screens look for; its other pages have.
    const { frontmatter } = useData()
    onMounted(() => {
      watch(
        () => frontmatter.value.layout === 'home',
        (home) => {
          const content = document.getElementById('VPContent')
          if (home) content?.setAttribute('role', 'main')
          else content?.removeAttribute('role')
        },
        { immediate: true, flush: 'post' },
      )
    })
  },
}

export default theme
