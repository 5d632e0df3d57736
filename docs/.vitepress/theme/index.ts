// VitePress' own theme, without its web fonts, in Checky's colours.
import DefaultTheme from 'vitepress/theme-without-fonts'
import './style.css'

export default DefaultTheme
